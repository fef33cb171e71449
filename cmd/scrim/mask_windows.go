package main

// hardenFilter is hardenProcess.
func hardenFilter() { hardenProcess() }

package e2e

// listenMode makes the test's binary a process that listens on an inherited socket.
const listenMode = "listen"

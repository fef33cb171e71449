// Package arch holds the rules of this code that a compiler does not know, as
// tests: who may import whom, who may reveal a secret, where output may go, and
// that what documentation says a test shows has that test.
//
// The rules read every Go file, those for other systems too, without
// type-checking: a name is enough to break one. TestRulesCanFail shows for
// each that it can.
package arch

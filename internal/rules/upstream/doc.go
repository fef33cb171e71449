// Package upstream holds scrim's copy of gitleaks' rules to gitleaks: the file
// is that of the module in go.mod, and both find the same with it. It is a
// module of its own, so that what gitleaks brings along stays out of scrim's.
//
// A newer gitleaks: go get github.com/zricethezav/gitleaks/v8@VERSION in this
// folder, then make rules.
package upstream

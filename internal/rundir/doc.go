// Package rundir is the folder in memory where running processes of scrim meet:
// the user's own, which nobody else may enter, with the records and the sockets
// of whatever runs.
package rundir

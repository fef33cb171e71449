#!/bin/sh
# Keeps a machine identity's credentials in ~/.infisical-ua. All of the work is
# done by `scrim login`, which takes the same flags; `scrim login --help` has
# them. The secret is asked for, and is never an argument.
set -eu

if command -v scrim >/dev/null 2>&1; then
	exec scrim login "$@"
fi
built=$(dirname -- "$0")/../bin/scrim
if [ -x "$built" ]; then
	exec "$built" login "$@"
fi
echo "bootstrap-infisical-ua: scrim is not on the PATH: run make install, and try again" >&2
exit 2

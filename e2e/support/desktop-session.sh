#!/bin/sh
# A desktop session for tests, inside `dbus-run-session`: directories of its own, an unlocked keyring, a display.
set -e
: "${LATTICE_SESSION_DIR:?names a directory for the files of the session}"
export HOME="$LATTICE_SESSION_DIR"
export XDG_DATA_HOME="$HOME/data" XDG_CONFIG_HOME="$HOME/config" XDG_CACHE_HOME="$HOME/cache" XDG_RUNTIME_DIR="$HOME/run"
export XDG_CURRENT_DESKTOP=GNOME
mkdir -p -m 700 "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$XDG_CACHE_HOME" "$XDG_RUNTIME_DIR"
printf test | gnome-keyring-daemon --unlock --components=secrets >/dev/null
exec xvfb-run -a -s '-screen 0 1280x900x24' "$@"

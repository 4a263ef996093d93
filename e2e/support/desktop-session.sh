#!/bin/sh
# desktop-session.sh PROGRAM ARGUMENTS…: runs a program in a desktop session of its own: a display, a D-Bus, an unlocked
# keyring, and a home in the directory that LATTICE_SESSION_DIR names. The bus starts no programs: whether somebody shows
# notifications is for a test to say, not for what this machine has installed.
set -e
if [ "$1" != --inside ]; then
  export HOME="${LATTICE_SESSION_DIR:?names a directory for the files of the session}"
  export XDG_DATA_HOME="$HOME/data" XDG_CONFIG_HOME="$HOME/config" XDG_CACHE_HOME="$HOME/cache" XDG_RUNTIME_DIR="$HOME/run"
  export XDG_CURRENT_DESKTOP=GNOME
  mkdir -p -m 700 "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$XDG_CACHE_HOME" "$XDG_RUNTIME_DIR"
  cat >"$HOME/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=$XDG_RUNTIME_DIR</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
END
  # The server picks a display that is free, and says which: sessions are made side by side. Between two tests, when its
  # last client has left, it would begin anew, while the next ones come already.
  mkfifo "$HOME/display"
  Xvfb -screen 0 1280x900x24 -nolisten tcp -noreset -displayfd 3 3>"$HOME/display" &
  server=$!
  trap 'kill "$server"' EXIT
  read -r display <"$HOME/display"
  export DISPLAY=":$display"
  dbus-run-session --config-file "$HOME/bus.conf" -- "$0" --inside "$@"
  exit
fi
shift
printf test | gnome-keyring-daemon --unlock --components=secrets >/dev/null
exec "$@"

#!/bin/sh
# Becomes a program inside of a Debian root, run by an ordinary user on a display and D-Bus session of his own, which lie
# outside of the root: what they need must not stand in for what the root lacks. To be started as root in a mount
# namespace of its own (`unshare --mount`), which takes the mounts along when it ends; display and bus end with the
# program.
#   debian-session.sh ROOT USER COMMAND…
set -e
root=$1 user=$2
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root/run/session" "$root/tmp/.X11-unix" /tmp/.X11-unix
mount --bind /tmp/.X11-unix "$root/tmp/.X11-unix"
chown "$user:$user" "$root/run/session"
chmod 700 "$root/run/session"
as_user() { exec setpriv --reuid="$user" --regid="$user" --clear-groups --pdeathsig=KILL "$@"; }

mkfifo "$root/run/session/ready"
exec 3<>"$root/run/session/ready"
(as_user env HOME=/nonexistent dbus-daemon --session --nofork --address="unix:path=$root/run/session/bus" --print-address=3) &
read -r _ <&3
(as_user Xvfb -screen 0 1280x900x24 -displayfd 3 -nolisten tcp) &
read -r display <&3
exec 3>&-
exec chroot --userspec="$user:$user" --groups= "$root" \
  env -i HOME="$(awk -F: -v user="$user" '$3 == user { print $6 }' "$root/etc/passwd")" PATH=/usr/bin:/bin \
  DISPLAY=":$display" XDG_RUNTIME_DIR=/run/session DBUS_SESSION_BUS_ADDRESS=unix:path=/run/session/bus "$@"

#!/bin/sh
# Install the system libraries that Qt and a virtual screen need, or say which are missing.
# Usage: scripts/system_libraries.sh [screen]
#   without an argument: what the program needs to open a window
#   screen:              also Xvfb, on which the tests draw, and xdotool, which presses keys there
set -u

window="libegl1 libgl1 libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1
libxcb-shape0 libxcb-image0 libxcb-render-util0 libxcb-xinerama0 libdbus-1-3 libfontconfig1"
screen="xvfb xdotool"

wanted=$window
[ "${1:-}" = screen ] && wanted="$wanted $screen"

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "This is no Debian-like system: if a window does not open, install the equivalents of:" $wanted
    exit 0
fi

missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo"
    else
        echo "System libraries are missing; install them with:"
        echo "    sudo apt-get install$missing"
        exit 0
    fi
fi
echo "Installing system libraries:$missing"
$as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq $missing >/dev/null ||
    { echo "They could not be installed; windows will not open until you run: apt-get install$missing"; exit 0; }

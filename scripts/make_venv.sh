#!/bin/sh
# Create .venv with everything the program and its tests need; done once, and again when a pin changes.
# QT=pyqt6 takes the other Qt binding.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Python 3.11 or newer is needed; '$python' is not: run make PYTHON=/path/to/python3.11" >&2
    exit 2
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian keeps venv in a package of its own.
    if [ "$(id -u)" -eq 0 ]; then
        apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
    else
        echo "Python's venv module is missing: sudo apt-get install python3-venv" >&2
        exit 2
    fi
fi
"$python" -m venv .venv
bin=.venv/bin
[ -d .venv/Scripts ] && bin=.venv/Scripts # Windows
pip="$bin/python -m pip --disable-pip-version-check -q"
echo "Installing into .venv (a few minutes, once) ..."
# torch first and by its exact version, so that no other package pulls in another build.
$pip install -c constraints.txt torch==2.13.0
$pip install -c constraints.txt -e ".[${QT:-pyside6},imagenet,test]"

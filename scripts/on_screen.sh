#!/bin/sh
# Run a command on a virtual screen that really draws; without Xvfb, offscreen (pixel tests then skip).
if command -v xvfb-run >/dev/null 2>&1; then
    exec xvfb-run -a -s "-screen 0 1600x1000x24" "$@"
fi
QT_QPA_PLATFORM=offscreen exec "$@"

"""Open an invisible OpenGL window and say which Qt and which driver answered; `doctor` runs it."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Print one line of JSON: binding, Qt version, OpenGL version string (empty where there is none)."""
    import qtpy
    from qtpy.QtGui import QOffscreenSurface, QOpenGLContext
    from qtpy.QtWidgets import QApplication

    application = QApplication.instance() or QApplication(sys.argv[:1])
    surface = QOffscreenSurface()
    surface.create()
    context = QOpenGLContext()
    gl = ""
    if context.create() and context.makeCurrent(surface):
        form = context.format()
        gl = f"{form.majorVersion()}.{form.minorVersion()}"
        context.doneCurrent()
    sys.stdout.write(json.dumps({"binding": qtpy.API_NAME, "qt": qtpy.QT_VERSION, "gl": gl}) + "\n")
    del application


if __name__ == "__main__":
    main()

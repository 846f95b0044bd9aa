import subprocess
import sys


def test_reading_images_does_not_load_torch():
    program = (
        "import sys, cardiotwin.imaging, cardiotwin.imaging.read; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own program

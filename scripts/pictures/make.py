"""The pictures of the documents, taken of real pages.

    ORDINATE=target/release/ordinate python3 scripts/pictures/make.py

Runs the examples, cuts what is shown out of `report.html`, and has Chromium (`chromium`, or what CHROMIUM names) take its picture.
Writes docs/pictures.
"""

import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
PICTURES = ROOT / "docs/pictures"


def page(example: str, desk: pathlib.Path) -> str:
    """The page of an example's run."""
    run = desk / example
    subprocess.run([os.environ.get("ORDINATE", "ordinate"), "run", ROOT / f"examples/{example}/ordinate.toml", "--quiet", "--out", run],
                   check=True, stdout=subprocess.DEVNULL)
    return (run / "report.html").read_text(encoding="utf-8")


def taken(html: str, name: str, size: tuple[int, int], desk: pathlib.Path) -> None:
    source = desk / f"{name}.html"
    source.write_text(html, encoding="utf-8")
    subprocess.run([os.environ.get("CHROMIUM", "chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    "--force-device-scale-factor=1.5", f"--window-size={size[0]},{size[1]}", "--virtual-time-budget=2000",
                    f"--screenshot={PICTURES / name}.png", source.as_uri()],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(PICTURES / f"{name}.png")


def only(html: str, part: str) -> str:
    """The page with this part alone, in its own style."""
    head = re.search(r"<head>.*?</head>", html, re.S)[0]
    return f'<!doctype html><html lang="en">{head}<body><main>{part}</main></body></html>'


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        desk = pathlib.Path(folder)
        taken(page("lawbench", desk), "lawbench-page", (1120, 800), desk)
        triage = page("triage", desk)
        needs = re.search(r"<h3>Data needs</h3>.*?(?=<h3>|</section>)", triage, re.S)[0]
        taken(only(triage, needs), "triage-labels", (640, 1080), desk)


if __name__ == "__main__":
    main()

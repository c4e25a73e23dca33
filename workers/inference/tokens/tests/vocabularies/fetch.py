"""Fetches a source package with pip and unpacks the vocabularies in it: fetch.py SCRATCH FOLDER PACKAGE.

`pip download` asks a source package's build system for metadata. A build system that does nothing else, found by
PYTHONPATH with build isolation off, is enough: nothing is built.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

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


def main(scratch: pathlib.Path, folder: pathlib.Path, package: str) -> None:
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
    (archive,) = scratch.glob("*.tar.gz")
    with tarfile.open(archive) as members:
        for member in members:
            path = pathlib.PurePosixPath(member.name)
            if path.parent.name == "models" and path.name.startswith("ggml-vocab-") and member.isfile():
                with open(folder / path.name, "wb") as file:
                    shutil.copyfileobj(members.extractfile(member), file)


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3])

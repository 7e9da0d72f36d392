#!/usr/bin/env bash
# Tries what is in dist/ as a user would, outside the repository: the wheel alone in a fresh environment, then the
# tests of the unpacked source archive that are fast and need no data, by the Python given, which has what tests need.
set -euo pipefail
cd "$(dirname "$0")/../.."
repository=$PWD
tests=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
unset PYTHONPATH INPAINTER_WEIGHTS

fail() {
    echo "package: $*" >&2
    exit 1
}

"${PYTHON:-python3}" -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt dist/*.whl
cp demo/photo.jpg demo/mask.png "$place"
tar -xzf dist/*.tar.gz -C "$place"
cd "$place"

venv/bin/inpainter --version
venv/bin/inpainter methods
venv/bin/inpainter fill photo.jpg mask.png -o filled.jpg
venv/bin/python -c 'import inpainter; assert "site-packages" in inpainter.__file__; assert "auto" in inpainter.list_methods()'
if venv/bin/python -c 'import torch' 2>/dev/null; then fail "the base install brought torch"; fi
if venv/bin/inpainter fill photo.jpg mask.png -o no.png --method cascade 2>said; then fail "cascade filled without torch"; fi
cat said
[ "$(wc -l <said)" = 1 ] && grep -qF "pip install 'inpainter[torch]'" said || fail "a missing extra is not one line"

cd inpainter-*/
if git -C "$repository" rev-parse 2>/dev/null; then
    missing=$(git -C "$repository" ls-files | while read -r file; do [ -e "$file" ] || echo "$file"; done)
    [ -z "$missing" ] || fail "not in the source archive: $missing"
fi
PYTHONPATH=$PWD/src "$tests" -m pytest -q tests/core tests/masks tests/photos/test_round_trip_lossy.py \
    tests/methods/test_table.py tests/test_base_install.py tests/test_docs.py -k "not training and not commands_run"

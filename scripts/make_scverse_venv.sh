#!/bin/sh
# Create .venv-scverse, in which the tests have scanpy, squidpy and spatialdata open what the program wrote.
# They are not in .venv, because squidpy holds back dask, ome-zarr and imagecodecs.
# Where they cannot be had the tests that need them skip aloud.
set -u
cd "$(dirname "$0")/.."
[ -e .venv-scverse/.installed ] && exit 0
echo "Installing scanpy, squidpy and spatialdata into .venv-scverse (a few minutes, once) ..."
if "${PYTHON:-python3}" -m venv .venv-scverse && .venv-scverse/bin/python -m pip --disable-pip-version-check -q install \
    anndata==0.12.19 geopandas==1.2.0 pydantic==2.12.5 scanpy==1.11.5 spatialdata==0.7.3 squidpy==1.8.2; then
    touch .venv-scverse/.installed
else
    rm -rf .venv-scverse
    echo "They could not be installed; the tests with them will be skipped."
fi

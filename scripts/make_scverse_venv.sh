#!/bin/sh
# Create .venv-scverse, in which the tests have scanpy, squidpy and spatialdata open what the program wrote.
# They are not in .venv, because squidpy holds back dask, ome-zarr and imagecodecs.
set -eu
cd "$(dirname "$0")/.."
"${PYTHON:-python3}" -m venv .venv-scverse
echo "Installing into .venv-scverse (a few minutes, once) ..."
.venv-scverse/bin/python -m pip --disable-pip-version-check -q install \
    anndata==0.12.19 geopandas==1.2.0 pydantic==2.12.5 scanpy==1.11.5 spatialdata==0.7.3 squidpy==1.8.2

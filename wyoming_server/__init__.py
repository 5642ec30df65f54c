"""Edge Voice's server: answers voice on the hub, and says how sure it is.

pipeline/   the path: audio → wake → endpoint → edge_asr → quality, risk → route → transcript
engines/    the models behind the path's Protocols; the only importers of model libraries
bundles/    model files: where they come from, and whether they are whole
listeners/  the Wyoming port
commands/   what `edge-voice SUBCOMMAND` runs
serve       builds all of it and owns its life
"""

import os

# numpy's BLAS threads would spin against ctranslate2's for the same cores: ten steps' evidence took 6 to 130 ms with
# them and takes 2.5 without. It is read when numpy is first imported, so it is said before anything else is.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Since 1.29 ONNX Runtime tells its maker by itself of the machine and its models, and keeps an id for that in the
# user's home. It looks here once, when it is first imported. Likewise the client of the hub of models.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"

"""How the starter model is made: sentences, voices, tokens, training, export, evaluation.

Read in the order of the pipeline::

    english.yaml → grammar → corpus                       sentences
    voices → speech → recordings                          speak
    tokens                                                tokenize
    noise, augment, features → examples → batches
    model → objective → checkpoint → train                train
    export                                                export
    conditions → recogniser → evaluate                    evaluate
"""

import os

# Before numpy: every process here computes small matrices, and threads that fight over the cores only slow it down.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Where others use the cores too, threads that spin while they wait for one another slow training tenfold.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# ONNX Runtime, which voices and recognisers may load, tells its maker of the machine unless it finds this first.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

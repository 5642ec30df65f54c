"""Edge Voice's server: answers voice on the hub, and says how sure it is.

pipeline/   the path: audio → wake → endpoint → edge_asr → quality, risk → route → transcript
engines/    the models behind the path's Protocols; the only importers of model libraries
bundles/    model files: where they come from, and whether they are whole
listeners/  the Wyoming port
commands/   what `edge-voice SUBCOMMAND` runs
serve       builds all of it and owns its life
"""

__version__ = "0.1.0"

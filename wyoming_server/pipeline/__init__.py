"""audio → wake → endpoint → edge_asr → quality, risk → route → transcript; `turn` calls them in order."""

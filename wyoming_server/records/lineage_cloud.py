"""What leaves for others: speech services, the publisher of models, a hub of models.

Fields are named by where they stand: `form:file`, `header:authorization`, `query:language`, `json:config.model`,
`path`, `body`; of Wyoming by event and key. Headers about the message's length and the connection are left out.
"""

from .lineage_shape import Fields, Flow, Form, Kind, flows_of


def lane(provider: str, fields: Fields) -> tuple[Flow, ...]:
    """Return what a provider's adapter sends; HTTP's own headers are the same for all."""
    return flows_of(Kind.LANE, provider, fields)


_KEY, _HTTP = "header:authorization", "header:accept header:accept-encoding header:content-type"
_ASKING = {Form.VERSION: "header:user-agent"}

FLOWS: tuple[Flow, ...] = (
    # OpenAI's protocol, which Groq and many servers for the home speak, too.
    *lane(
        "openai",
        {
            "lane-audio": {
                **_ASKING,
                Form.SOUND: "form:file",
                Form.SETTINGS: f"path {_HTTP} form:include[] form:language form:model form:response_format form:stream",
            },
            "lane-names": {Form.NAME: "form:keywords[] form:prompt"},
            "provider-keys": {Form.KEY: _KEY},
        },
    ),
    *lane(
        "deepgram",
        {
            "lane-audio": {
                **_ASKING,
                Form.SOUND: "body",
                Form.SETTINGS: f"path {_HTTP} query:detect_language query:language query:mip_opt_out query:model"
                " query:smart_format",
            },
            "lane-names": {Form.NAME: "query:keyterm"},
            "provider-keys": {Form.KEY: _KEY},
        },
    ),
    *lane(
        "assemblyai",
        {
            "lane-audio": {
                **_ASKING,
                Form.SOUND: "form:audio",
                Form.SETTINGS: f"path {_HTTP} header:x-aai-model json:config.language_codes[]",
            },
            "lane-names": {Form.NAME: "json:config.keyterms_prompt[]"},
            "provider-keys": {Form.KEY: _KEY},
        },
    ),
    *lane(
        "azure",
        {
            "lane-audio": {
                **_ASKING,
                Form.SOUND: "body",
                Form.SETTINGS: f"path {_HTTP} query:format query:language query:profanity",
            },
            "provider-keys": {Form.KEY: "header:ocp-apim-subscription-key"},
        },
    ),
    *lane(
        "google",
        {
            "lane-audio": {
                **_ASKING,
                Form.SOUND: "json:content",
                Form.SETTINGS: f"path {_HTTP} form:grant_type json:config.autoDecodingConfig"
                " json:config.features.enableAutomaticPunctuation json:config.features.enableWordConfidence"
                " json:config.languageCodes[] json:config.model",
            },
            "lane-names": {Form.NAME: "json:config.adaptation.phraseSets[].inlinePhraseSet.phrases[].value"},
            "provider-keys": {Form.KEY: f"{_KEY} form:assertion"},
        },
    ),
    *lane(
        "elevenlabs",
        {
            "lane-audio": {
                **_ASKING,
                Form.SOUND: "form:file",
                Form.SETTINGS: f"path {_HTTP} form:file_format form:language_code form:model_id form:tag_audio_events"
                " form:timestamps_granularity",
            },
            "lane-names": {Form.NAME: "form:keyterms"},
            "provider-keys": {Form.KEY: "header:xi-api-key"},
        },
    ),
    *lane(
        "home_assistant",
        {
            "lane-audio": {
                **_ASKING,
                Form.SOUND: "body",
                Form.SETTINGS: f"path {_HTTP} header:x-speech-content",
            },
            "provider-keys": {Form.KEY: _KEY},
        },
    ),
    # A server of the home's own.
    *lane(
        "wyoming",
        {
            "lane-audio": {
                Form.SOUND: "audio-chunk:payload",
                Form.SETTINGS: "transcribe:language transcribe:name audio-start:rate audio-start:width"
                " audio-start:channels audio-start:timestamp audio-chunk:rate audio-chunk:width audio-chunk:channels"
                " audio-chunk:timestamp audio-stop:timestamp",
            },
            "lane-names": {Form.NAME: "transcribe:transcript_names[]"},
        },
    ),
    *flows_of(
        Kind.COHORT,
        "report",
        {
            "cohort-reports": {
                Form.VERSION: "schema server header:user-agent",
                Form.TIME: "day",
                Form.CODE: "hub_class ended path header:accept header:accept-encoding header:content-type",
                Form.OWNER_WORD: "label incumbent",
                Form.TRUTH: "began",
                Form.NUMBER: "incumbents served watched pairs",
            },
            # The country, from Home Assistant or bundles.region.
            "vocabulary": {Form.CODE: "region"},
        },
    ),
    *flows_of(
        Kind.REPOSITORY,
        "request",
        {
            "repository-requests": {
                Form.VERSION: "header:user-agent",
                Form.OWNER_WORD: "path",
                Form.NUMBER: "header:range",
                Form.CODE: "header:accept-encoding",
            }
        },
    ),
    *flows_of(
        Kind.MODEL_HUB,
        "request",
        {
            "model-hub-requests": {
                Form.VERSION: "header:user-agent",
                Form.OWNER_WORD: "path",
                Form.NUMBER: "header:range",
                Form.CODE: "header:accept header:accept-encoding",
                # Of one run of the client's library.
                Form.ID: "header:x-amzn-trace-id",
                # Only where this machine's user is signed in there (HF_TOKEN, or the client's own file).
                Form.KEY: "header:authorization",
            }
        },
    ),
)

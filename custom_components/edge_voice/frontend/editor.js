/** The card's editor: Home Assistant's own form, filled in with what the card does without being told. */

import { DEFAULTS, fields, labelOf, withoutDefaults } from "./settings.js";
import { inEnglish, textsOf } from "./texts.js";

export const EDITOR = "edge-voice-card-editor";

class EdgeVoiceCardEditor extends HTMLElement {
  setConfig(config) {
    this._config = config;
    this._draw();
  }

  set hass(hass) {
    const first = this._hass === undefined;
    this._hass = hass;
    if (first) this._speak(hass.locale?.language ?? hass.language);
    this._draw();
  }

  async _speak(language) {
    this._say = await textsOf(language);
    this._schema = undefined;
    this._draw();
  }

  _draw() {
    if (!this._config || !this._hass) return;
    if (!this._form) {
      this._form = document.createElement("ha-form");
      this._form.addEventListener("value-changed", (event) => this._change(event));
      this.append(this._form);
    }
    const say = this._say ?? inEnglish;
    this._form.hass = this._hass;
    this._form.schema = this._schema ??= fields(say);
    this._form.computeLabel = (field) => labelOf(say, field);
    this._form.data = { ...DEFAULTS, ...this._config };
  }

  _change(event) {
    event.stopPropagation();
    this._config = withoutDefaults(event.detail.value);
    this.dispatchEvent(new CustomEvent("config-changed", { detail: { config: this._config }, bubbles: true, composed: true }));
  }
}

if (!customElements.get(EDITOR)) customElements.define(EDITOR, EdgeVoiceCardEditor);

import { createApp } from "vue";
import { bindDocument } from "../shared/i18n";
import { watchStyleSheets } from "../shared/later";
import { wakeSpeaker } from "../shared/sound";
import "../shared/styles/base.css";
import App from "./App.vue";
import "./cashier.css";

watchStyleSheets();
bindDocument("page.title");
for (const first of ["pointerdown", "keydown"]) {
  window.addEventListener(first, wakeSpeaker, { passive: true });
}
createApp(App).mount("#page");

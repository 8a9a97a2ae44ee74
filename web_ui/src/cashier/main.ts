import { createApp } from "vue";
import { bindDocument, keepReasons } from "../shared/i18n";
import { watchStyleSheets } from "../shared/later";
import { wakeSpeaker } from "../shared/sound";
import "../shared/styles/base.css";
import App from "./App.vue";
import "./cashier.css";

watchStyleSheets();
bindDocument("page.title");
void keepReasons();
for (const first of ["pointerdown", "keydown"]) {
  window.addEventListener(first, wakeSpeaker, { passive: true });
}
createApp(App).mount("#page");

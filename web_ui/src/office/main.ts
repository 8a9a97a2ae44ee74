import { createApp, watch } from "vue";
import { keepReasons, locale } from "../shared/i18n";
import "../shared/styles/base.css";
import App from "./App.vue";
import "./office.css";
import { router } from "./router";
import { c } from "./text/common";

watch(
  locale,
  (language) => {
    document.documentElement.lang = language;
    document.title = c("title");
  },
  { immediate: true },
);
void keepReasons();
createApp(App).use(router).mount("#page");

/** Addresses of the office, behind `#`: the device serves one page. Every screen comes lazily. */

import { createRouter, createWebHashHistory } from "vue-router";
import { leaveGuard } from "./model/unsaved";

export const router = createRouter({
  history: createWebHashHistory(),
  scrollBehavior: () => ({ top: 0 }),
  routes: [
    { path: "/", component: () => import("./pages/HomePage.vue") },
    { path: "/rules/:section", component: () => import("./rules/RulesPage.vue") },
    { path: "/:rest(.*)*", redirect: "/" },
  ],
});

router.beforeEach(leaveGuard);

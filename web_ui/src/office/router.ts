/** Addresses of the office, behind `#`: the device serves one page. Every screen comes lazily. */

import { createRouter, createWebHashHistory } from "vue-router";
import { ApiProblem, get } from "../shared/api/client";
import { tellBad } from "./model/doing";
import { leaveGuard } from "./model/unsaved";
import { c } from "./text/common";

export const router = createRouter({
  history: createWebHashHistory(),
  scrollBehavior: () => ({ top: 0 }),
  routes: [
    { path: "/", component: () => import("./pages/HomePage.vue") },
    { path: "/set-up", component: () => import("./setup/SetUpPage.vue") },
    { path: "/try", component: () => import("./rules/TryPage.vue") },
    { path: "/rules/:section", component: () => import("./rules/RulesPage.vue") },
    { path: "/members", component: () => import("./members/MembersPage.vue") },
    { path: "/members/import", component: () => import("./members/ImportPage.vue") },
    { path: "/members/:member_id", component: () => import("./members/MemberPage.vue") },
    { path: "/coupons", component: () => import("./pages/CouponsPage.vue") },
    { path: "/stock", component: () => import("./pages/StockPage.vue") },
    { path: "/messages", component: () => import("./pages/MessagesPage.vue") },
    { path: "/records", component: () => import("./pages/RecordsPage.vue") },
    { path: "/shifts", component: () => import("./pages/ShiftsPage.vue") },
    { path: "/statements", component: () => import("./pages/StatementsPage.vue") },
    { path: "/log", component: () => import("./pages/LogPage.vue") },
    { path: "/chain", component: () => import("./pages/ChainPage.vue") },
    { path: "/staff", component: () => import("./pages/StaffPage.vue") },
    { path: "/:rest(.*)*", redirect: "/" },
  ],
});

router.beforeEach(leaveGuard);

// A screen that does not come: the device is away, which is said; or it has other screens since an
// update, and then the whole page is opened again, once.
const OPENED_AGAIN = "counterd.opened_again";
async function openAgain(path: string): Promise<void> {
  const answers = await get("/session").then(
    () => true,
    (error: unknown) => error instanceof ApiProblem,
  );
  if (!answers || sessionStorage.getItem(OPENED_AGAIN) === path) return tellBad(c("no_answer"));
  sessionStorage.setItem(OPENED_AGAIN, path);
  location.hash = path;
  location.reload();
}
router.onError((_error, to) => void openAgain(to.fullPath));
router.afterEach((_to, _from, failure) => {
  if (failure === undefined) sessionStorage.removeItem(OPENED_AGAIN);
});

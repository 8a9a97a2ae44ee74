/** Addresses of the office, behind `#`: the device serves one page. Every screen comes lazily. */

import { createRouter, createWebHashHistory } from "vue-router";
import { leaveGuard } from "./model/unsaved";

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

// All words of the page in both languages, and what puts them there.

const WORDS = {
  zh: {
    title: "两家分店，一个余额", language: "语言",
    lead: "断开一家分店的网络，在两边消费，再接上，看结算。",
    branch: "分店", joined: "已联网", cut: "网络已断开", cutIt: "断开网络", joinIt: "接上网络",
    away: "收银程序没有应答，等它启动后会自动显示。",
    cards: "会员卡", eject: "取走卡片", layOn: "放到", noCards: "没有卡片。",
    cloud: "云端账本", cloudAway: "云端没有应答。", books: "账本",
    accounts: "会员余额", member: "会员", funded: "总额", reserve: "云端可用", settled: "已消费", over: "透支",
    atRisk: "风险中", settlement: "跨店结算", sold: "消费分店", topped: "充值分店", amount: "金额",
    devices: "设备", device: "设备", lastSeen: "最近联系", cursor: "批次", held: "店内额度", nothing: "还没有",
    failed: "没有成功：",
  },
  en: {
    title: "Two branches, one balance", language: "Language",
    lead: "Cut the network of one branch, spend at both, join it again, and see the settlement.",
    branch: "Branch", joined: "online", cut: "network cut", cutIt: "Cut the network", joinIt: "Join the network",
    away: "The cashier program does not answer. It will show here once it has started.",
    cards: "Cards", eject: "Take the card away", layOn: "Lay on", noCards: "There are no cards.",
    cloud: "The cloud's books", cloudAway: "The cloud does not answer.", books: "Books",
    accounts: "Balances of members", member: "Member", funded: "In all", reserve: "Free", settled: "Spent",
    over: "Over", atRisk: "At risk", settlement: "Settlement", sold: "Sold at", topped: "Topped up at",
    amount: "Amount", devices: "Devices", device: "Device", lastSeen: "Last heard", cursor: "Batch", held: "Held",
    nothing: "nothing yet", failed: "That did not work: ",
  },
};

const listeners = [];
let language = "zh";

export const word = (name) => WORDS[language][name] ?? name;
export const labelOf = (card) => card.label?.[language] || card.id;
export const onLanguage = (listener) => listeners.push(listener);

export function setLanguage(chosen) {
  language = chosen in WORDS ? chosen : "zh";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = word("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", word(element.dataset.label));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  try {
    localStorage.setItem("branches-language", language);
  } catch {
    // A browser without storage asks again next time.
  }
  for (const listener of listeners) listener();
}

export function startLanguage() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => setLanguage(button.dataset.language));
  }
  let kept = null;
  try {
    kept = localStorage.getItem("branches-language");
  } catch {
    kept = null;
  }
  setLanguage(kept ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
}

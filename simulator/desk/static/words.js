// All words of the page in both languages, and what puts them there.

const WORDS = {
  zh: {
    title: "模拟收银台", language: "语言", terminal: "收银屏幕",
    lampCashier: "收银", lampRack: "读卡器", lampPrinter: "打印机",
    lampOn: "正常", lampOff: "没有应答", lampWarn: "有故障",
    cashierAway: "收银程序没有应答，等它启动后会自动显示。",
    cashierUnframed: "收银程序不允许显示在本页里，请在新窗口打开。",
    openAlone: "在新窗口打开收银屏幕",
    cards: "会员卡", tray: "卡片", eject: "取走卡片",
    trayHint: "点卡片放到读卡器上，再点一下取走。数字键 1–9 同样有效。",
    onReader: "在读卡器上", put: "放到读卡器上", take: "从读卡器取走", more: "更多放法",
    noCards: "没有卡片。", rackAway: "卡架没有应答。", moving: "正在放卡…",
    putWith: "怎样放这张卡", copyHeading: "造一张假卡",
    fault_plain: "正常放上", fault_tear: "读卡途中拔出", fault_tearBefore: "提交之前拔出",
    fault_tearAfter: "提交之后、应答之前拔出", fault_silent: "卡不应答", fault_slow: "卡很慢（每步 1.5 秒）",
    fault_length: "应答长度不对", fault_mac: "校验码 MAC 不对", fault_endless: "应答没完没了",
    fault_status: "状态字是乱码", fault_note_tear: "第 3 条命令", fault_note_commit: "命令 C7",
    copy_snapshot: "照现在的样子复制一张", copy_note_snapshot: "原卡消费后，它就是“旧卡”",
    copy_replay: "录下一次刷卡，做成重放卡", copy_note_replay: "先正常刷一次",
    copied: "已复制到卡盘。", recording: "已开始录制：请正常刷一次这张卡。", remove: "收走这张卡",
    copyPrefix: "旧复制·", replayPrefix: "重放·",
    kind_desfire: "加密卡", kind_uid: "UID 卡", kind_replay: "重放卡",
    glass: "顾客显示屏", printer: "小票打印机", state: "状态", drawer: "钱箱弹开", unknown: "不认识的命令", times: "次",
    fault: "让打印机出故障", mend: "恢复正常", papers: "打印出来的小票",
    noPaper: "小票会从这里出来", online: "联机", offlineState: "停止打印", buffered: "待打印",
    bytes: "字节", enlarge: "放大小票", paperNumber: "小票", paperText: "文字内容", close: "关闭",
    ended_cut: "已切纸", ended_silence: "没有切纸", "ended_paper out": "纸用完了",
    "ended_power off": "断电", "ended_too long": "太长", notes: "注意",
    "printer_ok": "正常", "printer_paper-near-end": "纸快用完", "printer_paper-out": "缺纸",
    "printer_cover-open": "上盖打开", "printer_offline": "脱机", "printer_mute": "不回答状态",
    "printer_slow": "很慢（9600 波特）", "printer_cut-connection": "打到一半断线",
    "printer_refuse": "拒绝连接", "printer_stall": "不收数据",
    printerAway: "打印机没有应答。", failed: "没有成功：",
  },
  en: {
    title: "Simulated counter", language: "Language", terminal: "Cashier screen",
    lampCashier: "Cashier", lampRack: "Reader", lampPrinter: "Printer",
    lampOn: "working", lampOff: "no answer", lampWarn: "faulty",
    cashierAway: "The cashier program does not answer. It will show here once it has started.",
    cashierUnframed: "The cashier program does not allow being shown inside this page.",
    openAlone: "Open the cashier screen in a new window",
    cards: "Cards", tray: "Cards", eject: "Take away",
    trayHint: "Click a card to put it on the reader, again to take it away. Keys 1–9 do the same.",
    onReader: "On the reader", put: "Put on the reader", take: "Take off the reader", more: "Other ways",
    noCards: "There are no cards.", rackAway: "The card rack does not answer.", moving: "Placing the card…",
    putWith: "How to put this card", copyHeading: "Make a forgery",
    fault_plain: "As it should be", fault_tear: "Pulled out while being read", fault_tearBefore: "Pulled out before the commit",
    fault_tearAfter: "Pulled out after the commit, unanswered", fault_silent: "The card stays silent", fault_slow: "Very slow (1.5 s a step)",
    fault_length: "Answers of a wrong length", fault_mac: "Wrong MAC", fault_endless: "Answers never end",
    fault_status: "Garbage status words", fault_note_tear: "third command", fault_note_commit: "command C7",
    copy_snapshot: "Copy it as it is now", copy_note_snapshot: "stale once the original is charged",
    copy_replay: "Record the next tap as a replaying clone", copy_note_replay: "then tap it normally once",
    copied: "The copy lies in the tray.", recording: "Recording: now tap this card normally.", remove: "Throw this card away",
    copyPrefix: "Old copy: ", replayPrefix: "Replay: ",
    kind_desfire: "Secure card", kind_uid: "UID card", kind_replay: "Replay card",
    glass: "Customer display", printer: "Receipt printer", state: "State", drawer: "Drawer kicked", unknown: "Unknown commands", times: "×",
    fault: "Give it a fault", mend: "Back to normal", papers: "Printed receipts",
    noPaper: "Receipts come out here", online: "online", offlineState: "stopped", buffered: "waiting",
    bytes: "bytes", enlarge: "Enlarge receipt", paperNumber: "Receipt", paperText: "As text", close: "Close",
    ended_cut: "cut", ended_silence: "not cut", "ended_paper out": "paper ran out",
    "ended_power off": "power off", "ended_too long": "too long", notes: "Note",
    "printer_ok": "Working", "printer_paper-near-end": "Paper nearly out", "printer_paper-out": "Out of paper",
    "printer_cover-open": "Cover open", "printer_offline": "Offline", "printer_mute": "Never answers",
    "printer_slow": "Slow (9600 baud)", "printer_cut-connection": "Line cut half-way",
    "printer_refuse": "Refuses connections", "printer_stall": "Reads nothing",
    printerAway: "The printer does not answer.", failed: "That did not work: ",
  },
};

const KEPT = "desk-language";
const listeners = [];
let language = localStorage.getItem(KEPT) ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export function word(key) {
  return WORDS[language][key] ?? key;
}

export function labelOf(card) {
  return card.label?.[language] || card.label?.zh || card.id;
}

export function bothWords(key) {
  return { zh: WORDS.zh[key], en: WORDS.en[key] };
}

export function timeOf(iso) {
  return new Date(iso).toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB");
}

export function onLanguage(call) {
  listeners.push(call);
}

export function speak(chosen) {
  language = chosen;
  localStorage.setItem(KEPT, chosen);
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
  document.title = word("title");
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = word(each.dataset.word);
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", word(each.dataset.label));
  for (const each of document.querySelectorAll("[data-title]")) each.title = word(each.dataset.title);
  for (const each of document.querySelectorAll("[data-language]")) {
    each.setAttribute("aria-pressed", String(each.dataset.language === chosen));
  }
  for (const call of listeners) call();
}

export function startLanguage() {
  for (const each of document.querySelectorAll("[data-language]")) {
    each.addEventListener("click", () => speak(each.dataset.language));
  }
  speak(language);
}

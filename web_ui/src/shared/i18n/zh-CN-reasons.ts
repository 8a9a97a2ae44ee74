import type { ReasonKey, ReasonText } from "./reason-keys";

export const zhReasons: Record<ReasonKey, ReasonText> = {
  insufficient_funds: {
    title: "余额不足，还差 {short_fen}",
    advice: "卡内可用 {available_fen}。请会员充值（F4），或改用其他方式付款。",
  },
  card_unknown: {
    title: "不认识这张卡",
    advice: "请确认是本店的会员卡。需要的话，按 F9 找到会员后重新发卡。",
  },
  card_lost: {
    title: "这张卡已挂失",
    advice: "没有扣款。请核对会员身份；确认找回后，按 F9 解除挂失再收款。",
  },
  card_locked: {
    title: "这张卡已锁定",
    advice: "没有扣款。请核对会员身份，由店长按 F9 解锁后再收款。",
  },
  card_returned: {
    title: "这张卡已退卡",
    advice: "退掉的卡不能再用。请会员换另一张卡，或重新办卡。",
  },
  card_forged: {
    title: "卡未通过真伪验证",
    advice: "没有扣款。请不要再次尝试，留意此卡并联系店长。",
  },
  card_rolled_back: {
    title: "卡内计数倒退，可能是旧副本",
    advice: "没有扣款。请锁定此卡（F9），核对会员身份后换发新卡。",
  },
  card_counter_ahead: {
    title: "卡内计数超前，可能是复制卡",
    advice: "没有扣款。请锁定此卡（F9），核对会员身份后换发新卡。",
  },
  card_gone: {
    title: "卡离开太早，没有扣款",
    advice: "请重新收款，把卡放稳，听到提示音后再拿开。",
  },
  card_silent: {
    title: "卡没有回应，没有扣款",
    advice: "请把卡正面贴近读卡器中央再刷一次；仍不行请换卡。",
  },
  card_garbled: {
    title: "卡的回答有误，没有扣款",
    advice: "请移开旁边的卡和手机，再刷一次；仍不行请换卡。",
  },
  card_torn: {
    title: "刷卡中断，结果未知",
    advice: "请用同一张卡再刷一次，系统会查明结果，不会重复扣款。",
  },
  card_blank: {
    title: "这是一张空白卡",
    advice: "还没有发给会员。按 F9 找到会员，再选「发卡」。",
  },
  member_frozen: {
    title: "会员账户已冻结",
    advice: "没有扣款。请会员联系店长了解原因。",
  },
  pin_required_but_unset: {
    title: "这张卡要密码，会员还没有设密码",
    advice: "按 F9 找到会员，请会员先设密码，再重新收款。",
  },
  pin_wrong: {
    title: "密码不对，还可以试 {left} 次",
    advice: "请会员重新输入密码。",
  },
  pin_locked: {
    title: "密码输错太多次，已暂停使用",
    advice: "请在 {seconds} 后再试，或改用其他方式付款。",
  },
  day_limit: {
    title: "超过这张卡的每日限额 {limit_fen}",
    advice: "今天还可用 {left_fen}。请减少金额，或改用其他方式付款。",
  },
  timed_out: {
    title: "等太久了，没有扣款",
    advice: "请重新收款，并请会员及时刷卡。",
  },
  cancelled_by_cashier: {
    title: "已取消，没有扣款",
    advice: "可以开始下一笔。",
  },
  ledger_stopped: {
    title: "账本已停止，不能收款",
    advice: "请不要刷卡，改用现金并手工记录，马上联系店内 IT。",
  },
  ledger_full: {
    title: "存储空间已满，不能收款",
    advice: "没有扣款。请联系店内 IT 清理存储后再收款。",
  },
  ledger_failed: {
    title: "账本写入失败，没有扣款",
    advice: "请暂停收款，马上联系店内 IT。",
  },
  reader_absent: {
    title: "没有读卡器",
    advice: "请检查读卡器的连线，灯亮后再收款。",
  },
  restarted: {
    title: "刷卡之前设备重启了，没有扣款",
    advice: "请重新收款。",
  },
  two_cards: {
    title: "读卡器上有不止一张卡",
    advice: "没有扣款。请只放一张卡，再刷一次。",
  },
  not_signed_in: { title: "登录已过期", advice: "请重新登录。" },
  sign_in_failed: { title: "工号或密码不对", advice: "还可以试 {left} 次。" },
  sign_in_locked: { title: "输错太多次，登录已暂停", advice: "请在 {seconds} 后再试。" },
  idempotency_key_reused: {
    title: "这个请求与之前的不一致",
    advice: "没有执行。请在「记录」里核对，再重新操作。",
  },
  request_invalid: { title: "填写的内容不对", advice: "请检查后再试。" },
  counter_busy: {
    title: "还有一笔没有完成",
    advice: "请先完成、挂单（F8）或取消（Esc）当前这笔。",
  },
  already_voided: { title: "这笔已经作废过", advice: "不用再作废。可在「记录」里核对。" },
  void_not_allowed: {
    title: "这笔不能在这里作废",
    advice: "已超过可作废的时间，或不是您的收款。请联系店长。",
  },
  no_answer: {
    title: "设备没有答复，结果未知",
    advice: "恢复连接后会查明，不会重复执行。请先不要重复操作。",
  },
};

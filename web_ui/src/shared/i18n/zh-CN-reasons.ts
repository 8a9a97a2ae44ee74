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
    advice: "没有扣款，此卡已自动锁定。请核对会员身份后换发新卡（F9）。",
  },
  card_counter_ahead: {
    title: "卡内计数超前，可能是复制卡",
    advice: "没有扣款，此卡已自动锁定。请核对会员身份后换发新卡（F9）。",
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
  session_over: { title: "登录已结束", advice: "请重新登录。" },
  too_many_requests: { title: "操作太快了", advice: "请过 {seconds} 再试。" },
  host_refused: { title: "这个网址不能打开收银台", advice: "请用设备贴纸上的网址打开。" },
  origin_refused: { title: "请求来自别的网页，没有执行", advice: "请关闭其他网页，重新打开收银台。" },
  sale_not_current: { title: "这笔已经不是当前的收款", advice: "请看屏幕上的结果；需要的话在「记录」里核对。" },
  sale_not_parked: { title: "这笔已经不在挂单里", advice: "请在「记录」里核对。" },
  nothing_to_confirm: { title: "已经不需要确认", advice: "请看屏幕上的结果。" },
  pin_not_asked: { title: "现在不需要密码", advice: "请看屏幕上的提示。" },
  pin_malformed: { title: "密码应为 4 到 8 位数字", advice: "请重新输入。" },
  amount_not_positive: { title: "金额必须大于零", advice: "请重新输入金额。" },
  amount_too_large: { title: "金额超过店里的上限", advice: "请检查金额，或分开收款。" },
  not_voidable: { title: "只有收款成功的才能作废", advice: "没有扣款的不用作废。" },
  balance_ceiling: { title: "充值后会超过法定余额上限", advice: "最多还可充 {room_fen}。" },
  recharge_spent: { title: "这次充值已被用掉一部分，不能作废", advice: "请联系店长办理退款。" },
  tender_unknown: { title: "不支持这种收款方式", advice: "请换一种收款方式。" },
  name_malformed: { title: "姓名填写不对", advice: "姓名为 1 到 60 个字。" },
  phone_malformed: { title: "手机号填写不对", advice: "应为 5 到 15 位数字。" },
  number_malformed: { title: "会员编号填写不对", advice: "应为 1 到 20 位字母或数字。" },
  member_number_taken: { title: "这个会员编号已被使用", advice: "请换一个，或留空自动生成。" },
  card_status_unknown: { title: "不能这样改卡的状态", advice: "请刷新后再试。" },
  card_already_issued: { title: "这张卡已经属于一位会员", advice: "请换一张新卡。" },
  card_key_missing: { title: "设备没有这张卡的密钥", advice: "没有扣款。请联系店内 IT。" },
  card_full: { title: "卡里没有空间了", advice: "请换一张新卡。" },
  sale_unknown: { title: "找不到这笔收款", advice: "请在「记录」里核对。" },
  recharge_unknown: { title: "找不到这笔充值", advice: "请找到会员核对余额（F9）。" },
  member_unknown: { title: "找不到这位会员", advice: "请重新查找（F9）。" },
  issue_unknown: { title: "这次发卡已经结束", advice: "请重新发卡。" },
  receipt_unknown: { title: "找不到这张小票", advice: "请在「记录」里核对。" },
  receipt_malformed: { title: "这张小票读不出来", advice: "请联系店内 IT。" },
  reader_busy: { title: "读卡器正被别的程序占用", advice: "请联系店内 IT。" },
  reader_stuck: { title: "读卡器没有反应", advice: "请拔下读卡器再插上。" },
  reader_service_down: { title: "读卡服务已停止", advice: "正在自动恢复；一分钟后仍不行请联系店内 IT。" },
  reader_driver_missing: { title: "读卡器没有驱动", advice: "请联系店内 IT。" },
  reader_access_denied: { title: "没有使用读卡器的权限", advice: "请联系店内 IT。" },
  ledger_read_only: { title: "存储不能写入，不能收款", advice: "请暂停收款，马上联系店内 IT。" },
  ledger_corrupt: { title: "账本校验不符，不能收款", advice: "请暂停收款，马上联系店内 IT。" },
  rules_invalid: { title: "设置有 {mistakes} 处不对，没有保存", advice: "请按标出的位置修改。" },
  rules_changed_meanwhile: { title: "别人刚刚改过这里（第 {version} 版）", advice: "请看看对方改了什么，再保存自己的修改。" },
  section_unknown: { title: "没有这一类设置", advice: "请刷新后再试。" },
  version_unknown: { title: "没有这个版本", advice: "请刷新后再试。" },
  sample_unknown: { title: "没有这个样板店", advice: "请刷新后再试。" },
  step_unknown: { title: "没有这个步骤", advice: "请刷新后再试。" },
  shop_has_sold: { title: "店里已经有收款，不能再套用样板店", advice: "请在各项设置里修改。" },
  note_malformed: { title: "备注填写不对", advice: "最多 200 个字，不能换行。" },
};

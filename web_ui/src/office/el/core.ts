/** Element Plus as the frame of the office needs it; each component comes with its own style. */

import "element-plus/es/components/base/style/css";
import "element-plus/es/components/message/style/css";
import "element-plus/es/components/message-box/style/css";
import "element-plus/es/components/drawer/style/css";
import "element-plus/es/components/dialog/style/css";
import "./dialog.css";

export { ElConfigProvider } from "element-plus/es/components/config-provider/index.mjs";
export { ElDialog } from "element-plus/es/components/dialog/index.mjs";
export { ElDrawer } from "element-plus/es/components/drawer/index.mjs";
export { ElMessageBox } from "element-plus/es/components/message-box/index.mjs";

// The auditor's page is drawn by the server; here is only what all signed-in pages share.

import { wireAccount } from "./account.js";

wireAccount();

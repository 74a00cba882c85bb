// The second step at the provider: the page leads there by a link, and there is only the way out to wire.

import { wireAccount } from "./account.js";

wireAccount();

/** better-auth keeps accounts, passwords and sessions; sign-up happens only through our own services. */
import { betterAuth } from "better-auth";
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { account, session, user, verification } from "../../db/schema/identity";
import { config, secret } from "../platform/config";
import { database } from "../platform/db";
import { newId } from "../platform/ids";
import { singleton } from "../platform/singleton";

const DAY_SECONDS = 86_400;

const make = () =>
  betterAuth({
    baseURL: config().url,
    secret: secret("auth.key"),
    database: drizzleAdapter(database(), {
      provider: "pg",
      schema: { user, session, account, verification },
    }),
    emailAndPassword: { enabled: true, disableSignUp: true, minPasswordLength: 10, maxPasswordLength: 128 },
    session: {
      expiresIn: 14 * DAY_SECONDS,
      updateAge: DAY_SECONDS,
      // Signing out must hold at once, everywhere.
      cookieCache: { enabled: false },
    },
    rateLimit: {
      enabled: true,
      window: 60,
      max: 300,
      customRules: {
        "/sign-in/email": { window: 60, max: Number(process.env.LATHE_SIGN_IN_PER_MINUTE ?? 10) },
      },
    },
    advanced: { cookiePrefix: "lathe", database: { generateId: ({ model }) => newId(model.slice(0, 3)) } },
    telemetry: { enabled: false },
  });

export const auth = (): ReturnType<typeof make> => singleton("auth", make);

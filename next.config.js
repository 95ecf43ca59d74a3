/** @type {import("next").NextConfig} */
export default {
  // Tests build beside a running console, into a folder of their own.
  distDir: process.env.LATHE_NEXT_DIR ?? ".next",
  // `npm test` runs tsc over the whole repository; doing it again here would only slow the first start.
  typescript: { ignoreBuildErrors: true },
  serverExternalPackages: ["pg", "pino", "prom-client", "better-auth", "@tus/server", "@tus/file-store"],
  poweredByHeader: false,
  devIndicators: false,
  skipTrailingSlashRedirect: true,
};

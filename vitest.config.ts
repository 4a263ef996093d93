/** Test projects: `unit` beside the code, `e2e` for real programs and disks, `fuzz` and `sim` for longer campaigns. */
import { defineConfig } from 'vitest/config'

const node = { environment: 'node' as const, execArgv: ['--expose-gc'] }

export default defineConfig({
  test: {
    projects: [
      // The time limits end what hangs; they do not judge speed, and hold on a machine that is busy with other things.
      {
        test: {
          ...node,
          name: 'unit',
          include: ['{kernel,sync,fs-bridge,daemon,electron,renderer,scripts}/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...node,
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['e2e/desktop/**'],
          testTimeout: 120_000,
          fileParallelism: false,
        },
      },
      // Needs a display, D-Bus and an Electron: `npm run e2e:electron` sees to them.
      {
        test: {
          ...node,
          name: 'desktop',
          include: ['e2e/desktop/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      // Installs the packaged app on a clean Debian, which it fetches: `npm run e2e:package`.
      { test: { ...node, name: 'package', include: ['e2e/desktop/**/*.campaign.ts'], testTimeout: 120_000 } },
      {
        test: {
          ...node,
          name: 'fuzz',
          include: ['{kernel,sync,fs-bridge,daemon}/**/*.fuzz.ts'],
          testTimeout: 3_600_000,
        },
      },
      { test: { ...node, name: 'sim', include: ['sync/sim/**/*.campaign.ts'], testTimeout: 3_600_000 } },
    ],
  },
})

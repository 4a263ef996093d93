/** Test projects: `unit` beside the code, `e2e` for real programs and disks, `fuzz` and `sim` for longer campaigns. */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Vitest leaves a processor to itself if it is not told better: with two, that is half of them.
const node = { environment: 'node' as const, execArgv: ['--expose-gc'], maxWorkers: availableParallelism() }

/** These files leave nothing behind, and to read the same modules again for each takes as long as to run many of them. */
const oneReading = { isolate: false }

/** Real programs wait for each other much of their time: two files more than there are processors. */
const endToEnd = { ...node, testTimeout: 120_000, hookTimeout: 120_000, maxWorkers: availableParallelism() + 2 }

/** What takes longest, the longest first: begun last, one of them would go on alone when all the others have ended. */
const longFiles = [
  'web/screens',
  'web/keyboard',
  'e2e/commands',
  'e2e/real-tree',
  'e2e/conflicts',
  'desktop/failures',
  'e2e/chaos',
  'web/interrupted',
  'web/two-devices',
  'desktop/notices',
  'desktop/package',
  'desktop/tray',
  'desktop/ui-two-devices',
].map((name) => `/${name}.test.ts`)

class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = longFiles.findIndex((name) => moduleId.endsWith(name))
      return place === -1 ? longFiles.length : place
    }
    return sorted.toSorted((one, other) => placeOf(one) - placeOf(other))
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFilesFirst },
    projects: [
      // The time limits end what hangs; they do not judge speed, and hold on a machine that is busy with other things.
      {
        test: {
          ...node,
          name: 'unit',
          include: ['{kernel,sync,fs-bridge,daemon,electron,renderer,scripts}/**/*.test.ts'],
          ...oneReading,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...endToEnd,
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['e2e/desktop/**'],
          setupFiles: ['e2e/support/each-file.ts'],
        },
      },
      // Needs an Electron, and programs to make a display and a D-Bus with: `npm run e2e:electron` sees to them.
      {
        test: {
          ...endToEnd,
          name: 'desktop',
          include: ['e2e/desktop/**/*.test.ts'],
          setupFiles: ['e2e/support/each-file.ts', 'e2e/support/desktop-session.ts'],
        },
      },
      // Installs the packaged app on a clean Debian, which it fetches: `npm run e2e:package`.
      { test: { ...node, name: 'package', include: ['e2e/desktop/**/*.campaign.ts'], testTimeout: 120_000 } },
      {
        test: {
          ...node,
          name: 'fuzz',
          include: ['{kernel,sync,fs-bridge,daemon}/**/*.fuzz.ts'],
          ...oneReading,
          testTimeout: 3_600_000,
        },
      },
      { test: { ...node, name: 'sim', include: ['sync/sim/**/*.campaign.ts'], testTimeout: 3_600_000 } },
    ],
  },
})

/** Building the desktop app: what `npm start` runs from a checkout, and what is packaged. */
import { fromRoot } from './paths.mjs'
import { run } from './run.mjs'

/** Bundles the interface and the app's own programs, where a source is newer. */
export async function buildApp() {
  const node = fromRoot('node_modules', 'node', 'bin', 'node')
  for (const script of ['build.mjs', 'build-desktop.mjs']) {
    const code = await run(node, [fromRoot('scripts', script), '--if-stale', '--quiet'])
    if (code !== 0) throw new Error(`${script} failed (exit code ${code}); its output above says why`)
  }
}

/**
 * Compiles every `kernel/cas/assembly/*.ts` (AssemblyScript) to `kernel/cas/assembly/build/<name>.wasm`, when the
 * source or the compiler changed. Part of the set-up: tests and the bundle rely on the result.
 */
import { mkdirSync, renameSync } from 'node:fs'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { hashFiles, readIfThere, walk, writeMakingDirectory } from './lib/files.mjs'
import { fromRoot } from './lib/paths.mjs'
import { capture } from './lib/run.mjs'

const options = ['-O3', '--runtime', 'stub', '--noAssert']
const sourceDirectory = fromRoot('kernel', 'cas', 'assembly')
const outputDirectory = fromRoot('kernel', 'cas', 'assembly', 'build')

export async function compileWasm() {
  const sources = walk(sourceDirectory, (path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  const compiler = readIfThere(fromRoot('node_modules', 'assemblyscript', 'package.json'))
  for (const source of sources) {
    const output = `${outputDirectory}/${basename(source, '.ts')}.wasm`
    const wanted = hashFiles(sources, options.join(' ') + compiler)
    if (readIfThere(`${output}.inputs-hash`) === wanted && readIfThere(output) !== undefined) continue
    mkdirSync(outputDirectory, { recursive: true })
    const fresh = `${output}.${process.pid}`
    const asc = fromRoot('node_modules', '.bin', 'asc')
    const { code, output: messages } = await capture(asc, [source, ...options, '--outFile', fresh])
    if (code !== 0) throw new Error(`asc failed on ${source}:\n${messages}`)
    renameSync(fresh, output) // Whole or not at all: a test may be reading the old one.
    writeMakingDirectory(`${output}.inputs-hash`, wanted)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await compileWasm()

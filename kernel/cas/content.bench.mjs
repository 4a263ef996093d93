/** Chunking and hashing on one thread: `node kernel/cas/content.bench.mjs [MiB]`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { FileHasher } from './hashing.ts'

const MIB = 1024 * 1024
/** Below the size from which a file is cut up among the workers. */
const FILE_MIB = 8
const total = Number(process.argv[2] ?? 256)

const dir = mkdtempSync(join(tmpdir(), 'lattice-bench-'))
try {
  const path = join(dir, 'file')
  writeFileSync(path, randomBytes(FILE_MIB * MIB))
  const hasher = new FileHasher()
  hasher.hashFile(path)
  const startedMs = performance.now()
  for (let done = 0; done < total; done += FILE_MIB) {
    const record = hasher.hashFile(path)
    if (record.kind !== 'hashed') throw new Error(`the file was ${record.kind}`)
  }
  console.log(`chunk + hash          ${Math.round((total / (performance.now() - startedMs)) * 1000)} MiB/s`)
} finally {
  rmSync(dir, { recursive: true })
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { BYTES_MAX, cutBytes } from './bytes.ts'
import { FileHasher } from './hashing.ts'
import { CHUNK_MIN, INLINE_MAX } from './port.ts'
import { noise } from './testing.ts'

const dir = mkdtempSync(join(tmpdir(), 'lattice-bytes-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test.each([0, 1, INLINE_MAX, INLINE_MAX + 1, CHUNK_MIN, CHUNK_MIN + 1, 300_000, 768 * 1024, BYTES_MAX])(
  '%i bytes in memory are the content that a file of them is',
  (length) => {
    const bytes = noise(length + 1, length)
    const path = join(dir, `${length}`)
    writeFileSync(path, bytes)
    const hashed = new FileHasher().hashFile(path)
    const { content, chunks } = cutBytes(bytes)
    expect(hashed.kind === 'hashed' && hashed.content).toEqual(content)
    if (content.kind !== 'inline') expect(Buffer.concat(chunks.map((chunk) => chunk.bytes))).toEqual(bytes)
  },
)

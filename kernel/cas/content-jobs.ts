/** The jobs on content that every worker serves. */
import type { Candidates } from './cuts.ts'
import { FileHasher } from './hashing.ts'
import { defineJob, jobName, type AnyJob } from './jobs.ts'
import type { FileStat } from './port.ts'
import { RecordWriter } from './records.ts'

/** Paths in, packed records out (records.ts). */
export const HASH_FILES = jobName<readonly string[], Uint8Array>('hash-files')

interface Segment {
  readonly path: string
  readonly stat: FileStat
  readonly from: number
}
/** Cut candidates of a large file in (from, to]. */
export const SCAN_SEGMENT = jobName<Segment & { readonly to: number }, Candidates | undefined>('scan-segment')
/** Packed CIDs of consecutive chunks of a large file. */
export const HASH_SEGMENT = jobName<Segment & { readonly lengths: Uint32Array }, Uint8Array | undefined>('hash-segment')

/** The hasher's buffer is made on the first job: a worker that only verifies signatures needs none. */
export const contentJobs = (): readonly AnyJob[] => {
  let made: FileHasher | undefined
  const hasher = () => (made ??= new FileHasher())
  return [
    defineJob(HASH_FILES, (paths) => {
      const records = new RecordWriter()
      for (const path of paths) records.write(hasher().hashFile(path))
      const value = records.finish()
      return { value, transfer: [value.buffer] }
    }),
    defineJob(SCAN_SEGMENT, ({ path, stat, from, to }) => ({ value: hasher().scanSegment(path, stat, from, to) })),
    defineJob(HASH_SEGMENT, ({ path, stat, from, lengths }) => ({
      value: hasher().hashSegment(path, stat, from, lengths),
    })),
  ]
}

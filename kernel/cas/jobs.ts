/**
 * Jobs of worker threads, by name: what a worker serves and what the pool asks for. A worker script is
 * `serveJobs(parentPort, jobs)` with the jobs it knows; a program that needs more gives the pool a script of its own.
 */
import type { MessagePort } from 'node:worker_threads'

export interface JobReply<Out> {
  readonly value: Out
  /** Buffers that move instead of being copied. */
  readonly transfer?: readonly ArrayBuffer[]
}

/** A job runs synchronously. It throws only for a bug: expected failures are part of its value. */
export interface Job<In, Out> {
  readonly name: string
  run(input: In): JobReply<Out>
}

/** The name and types of a job, for those who ask for it. */
export interface JobName<In, Out> {
  readonly name: string
  /** Never there: carries the types. */
  readonly types?: (input: In) => Out
}

export const jobName = <In, Out>(name: string): JobName<In, Out> => ({ name })

export const defineJob = <In, Out>(job: JobName<In, Out>, run: (input: In) => JobReply<Out>): Job<In, Out> => ({
  name: job.name,
  run,
})

export interface JobRequest {
  readonly id: number
  readonly job: string
  readonly input: unknown
}
export type JobResponse =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly failure: string }

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of jobs of any types: the names carry them
export type AnyJob = Job<any, any>

export const serveJobs = (port: MessagePort, jobs: readonly AnyJob[]): void => {
  const byName = new Map(jobs.map((job) => [job.name, job]))
  port.on('message', ({ id, job: name, input }: JobRequest) => {
    try {
      const job = byName.get(name)
      if (job === undefined) throw new Error(`this worker knows no job "${name}"`)
      const { value, transfer } = job.run(input)
      port.postMessage({ id, value } satisfies JobResponse, [...(transfer ?? [])])
    } catch (error) {
      port.postMessage({ id, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
}

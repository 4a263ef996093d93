/**
 * Worker threads for CPU-heavy work: started when there is work for them, stopped when there has been none for a while,
 * so that an idle node pays for none of their memory (10 MB and more each). Jobs run in the order asked; a worker has
 * one job at work and one waiting, so that it never idles between two.
 */
import { Worker } from 'node:worker_threads'
import { InvariantError } from '../core/result.ts'
import type { JobName, JobRequest, JobResponse } from './jobs.ts'

export interface PoolOptions {
  /** Default 2. */
  readonly workers?: number
  /** The script the workers run; default: the jobs on content. */
  readonly script?: URL
  /** Workers stop after this long without a job, default 3 s: longer than the pauses within one burst of changes. */
  readonly idleMs?: number
}

interface Pending {
  readonly request: JobRequest
  readonly transfer: readonly ArrayBuffer[]
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

interface Thread {
  readonly worker: Worker
  readonly jobs: Map<number, Pending>
}

const WORKERS_DEFAULT = 2
const IDLE_MS_DEFAULT = 3_000
const JOBS_PER_THREAD = 2

export class WorkerPool implements AsyncDisposable {
  readonly workers: number
  readonly #script: URL
  readonly #idleMs: number
  readonly #threads = new Set<Thread>()
  readonly #queue: Pending[] = []
  #nextId = 1
  #idle: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: PoolOptions = {}) {
    this.workers = options.workers ?? WORKERS_DEFAULT
    this.#script = options.script ?? new URL('./worker.ts', import.meta.url)
    this.#idleMs = options.idleMs ?? IDLE_MS_DEFAULT
  }

  /** Threads alive now. */
  get running(): number {
    return this.#threads.size
  }

  /** Rejects with an InvariantError if the job threw or its worker died: a bug, never bad input. */
  run<In, Out>(job: JobName<In, Out>, input: In, transfer: readonly ArrayBuffer[] = []): Promise<Out> {
    if (this.#closed) return Promise.reject(new InvariantError('the worker pool is closed'))
    return new Promise<Out>((resolve, reject) => {
      const request = { id: this.#nextId++, job: job.name, input }
      this.#queue.push({ request, transfer, resolve: resolve as (value: unknown) => void, reject })
      this.#dispatch()
    })
  }

  #dispatch(): void {
    clearTimeout(this.#idle)
    while (this.#queue.length > 0) {
      const thread = this.#leastBusy()
      if (thread === undefined) return
      const pending = this.#queue.shift()!
      thread.jobs.set(pending.request.id, pending)
      thread.worker.ref()
      thread.worker.postMessage(pending.request, [...pending.transfer])
    }
  }

  /** A thread with room, started if all others have work; undefined: all are full. */
  #leastBusy(): Thread | undefined {
    let best: Thread | undefined
    for (const thread of this.#threads) if (best === undefined || thread.jobs.size < best.jobs.size) best = thread
    if ((best === undefined || best.jobs.size > 0) && this.#threads.size < this.workers) return this.#start()
    return best !== undefined && best.jobs.size < JOBS_PER_THREAD ? best : undefined
  }

  #start(): Thread {
    const worker = new Worker(this.#script, {
      // Work is on buffers outside the heap; a small young generation keeps the thread small.
      resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 4 },
      stdin: false,
    })
    const thread: Thread = { worker, jobs: new Map() }
    this.#threads.add(thread)
    worker.on('message', (response: JobResponse) => this.#finish(thread, response))
    worker.on('error', (error) => this.#lose(thread, error))
    worker.on('exit', (code) => this.#lose(thread, new Error(`exit code ${code}`)))
    return thread
  }

  #finish(thread: Thread, response: JobResponse): void {
    const pending = thread.jobs.get(response.id)
    if (pending === undefined) return
    thread.jobs.delete(response.id)
    if ('failure' in response)
      pending.reject(new InvariantError(`job ${pending.request.job} failed: ${response.failure}`))
    else pending.resolve(response.value)
    this.#dispatch()
    if (thread.jobs.size === 0) thread.worker.unref()
    if ([...this.#threads].every(({ jobs }) => jobs.size === 0)) this.#rest()
  }

  #rest(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => void this.#stop(), this.#idleMs).unref()
  }

  async #stop(): Promise<void> {
    const threads = [...this.#threads]
    this.#threads.clear()
    await Promise.all(threads.map(({ worker }) => worker.terminate()))
  }

  #lose(thread: Thread, error: Error): void {
    this.#threads.delete(thread)
    for (const pending of thread.jobs.values())
      pending.reject(new InvariantError(`the worker of job ${pending.request.job} died: ${error.message}`))
    thread.jobs.clear()
    if (!this.#closed) this.#dispatch()
  }

  /** Stops the threads; jobs under way or waiting are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    for (const pending of this.#queue.splice(0)) pending.reject(new InvariantError('the worker pool is closed'))
    const threads = [...this.#threads]
    for (const thread of threads) this.#lose(thread, new Error('the worker pool is closed'))
    await Promise.all(threads.map(({ worker }) => worker.terminate()))
  }
}

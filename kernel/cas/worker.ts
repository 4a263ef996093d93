/** A worker thread of the pool: serves the jobs on content. */
import { parentPort } from 'node:worker_threads'
import { invariant } from '../core/result.ts'
import { contentJobs } from './content-jobs.ts'
import { serveJobs } from './jobs.ts'

invariant(parentPort !== null, 'this script runs as a worker thread')
serveJobs(parentPort, contentJobs())

/** A worker thread of the pool: serves the jobs on content and on signatures. */
import { parentPort } from 'node:worker_threads'
import { NodeVerifier } from '../core/identity.ts'
import { invariant } from '../core/result.ts'
import { contentJobs } from './content-jobs.ts'
import { serveJobs } from './jobs.ts'
import { verifyJob } from './verifying.ts'

invariant(parentPort !== null, 'this script runs as a worker thread')
serveJobs(parentPort, [...contentJobs(), verifyJob(new NodeVerifier())])

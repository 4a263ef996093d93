/** The time of day for what is written as "2 minutes ago": renews itself as often as such words change. */
import { useEffect, useState } from 'react'

const RENEWED_EVERY_MS = 30_000

/** Unix ms. */
export const useNow = (): number => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), RENEWED_EVERY_MS)
    return () => clearInterval(timer)
  }, [])
  return now
}

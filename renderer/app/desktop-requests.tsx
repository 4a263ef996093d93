/** Goes where the shell asks to go: to a link that was clicked, or to the place a notification is about. */
import { useEffect } from 'react'
import { useLocation } from 'wouter'
import { DesktopService, type WatchRequestsResponse } from '#proto/desktop_api'
import { pauseBefore } from '../connection/follow.ts'
import { useClient } from '../present/use-client.ts'
import { useRequestedLink } from '../state/requested-link.ts'

/** Places of our own only: the shell got it from outside. */
const isRoute = (text: string): boolean => /^\/[\w/%.~-]*$/.test(text)

export const DesktopRequests = () => {
  const client = useClient(DesktopService)
  const [, navigate] = useLocation()
  useEffect(() => {
    const gone = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const goTo = ({ request }: WatchRequestsResponse): void => {
      if (request.case === 'show' && isRoute(request.value)) navigate(request.value)
      if (request.case !== 'joinLink') return
      useRequestedLink.setState({ link: request.value })
      navigate('/pairing/join')
    }
    const watch = async (attempt: number): Promise<void> => {
      let next = attempt + 1
      try {
        for await (const request of client.watchRequests({}, { signal: gone.signal })) {
          next = 0
          goTo(request)
        }
      } finally {
        if (!gone.signal.aborted) timer = setTimeout(() => void watch(next).catch(() => undefined), pauseBefore(next))
      }
    }
    void watch(0).catch(() => undefined) // asked again; that the node is gone is told by the frame
    return () => {
      gone.abort()
      clearTimeout(timer)
    }
  }, [client, navigate])
  return null
}

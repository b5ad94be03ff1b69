/** audit */
import { Page } from "../../kit/page.tsx";

export default function Stub() {
  return <Page title="audit">…</Page>;
}

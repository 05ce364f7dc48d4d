// The form of a job: types of triggers switch at once, and the preview follows what is typed. Without this script buttons do both.

const PAUSE = 350; // ms without a key before the preview is fetched

const form = document.querySelector("form[data-apsng-editor]");

function chosenKind() {
    return form.querySelector("input[name=type]:checked")?.value ?? "";
}

function groupOf(kind) {
    return form.querySelector(`[data-apsng-kind="${CSS.escape(kind)}"]`);
}

function followKind() {
    let left = "";
    for (const group of form.querySelectorAll("[data-apsng-kind]")) {
        if (!group.hidden) left = group.dataset.apsngKind;
        group.hidden = group.dataset.apsngKind !== chosenKind();
    }
    // the zone goes along, so that it is typed once
    const from = form.elements[`${left}-timezone`];
    const to = form.elements[`${chosenKind()}-timezone`];
    if (from && to && from !== to && from.value) to.value = from.value;
}

function followTyping(target, stale) {
    let waiting;
    let fetching;

    async function look() {
        fetching?.abort();
        fetching = new AbortController();
        const data = new FormData(form);
        data.set("_fragment", "1");
        target.setAttribute("aria-busy", "true");
        try {
            const answer = await fetch(form.action, { method: "POST", body: data, signal: fetching.signal });
            if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
            target.innerHTML = await answer.text();
            target.hidden = false;
            stale.hidden = true;
        } catch (error) {
            if (error.name === "AbortError") return;
            stale.hidden = false;
        }
        target.removeAttribute("aria-busy");
    }

    function later() {
        clearTimeout(waiting);
        waiting = setTimeout(look, PAUSE);
    }

    form.addEventListener("input", later);
    form.addEventListener("change", later);
}

function textOf(option) {
    return `${option.textContent} ${option.value}`.toLowerCase();
}

// A long list of callables gets a field that shortens it.
function makeSearchable(select) {
    if (select.options.length <= 8) return;
    const groups = [...select.children].map((child) => ({ child, options: child.tagName === "OPTGROUP" ? [...child.children] : null }));
    const search = document.createElement("input");
    search.type = "search";
    search.className = "apsng-search";
    search.placeholder = form.dataset.apsngSearch;
    search.setAttribute("aria-label", form.dataset.apsngSearch);
    search.setAttribute("aria-controls", select.id);
    search.autocomplete = "off";
    select.before(search);

    search.addEventListener("input", (event) => {
        event.stopPropagation(); // it is no part of the job
        const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
        const kept = select.value;
        const matches = (option) => option.value === kept || words.every((word) => textOf(option).includes(word));
        select.replaceChildren();
        for (const { child, options } of groups) {
            if (options) child.replaceChildren(...options.filter(matches));
            if (options ? child.children.length : !child.value || matches(child)) select.append(child);
        }
        select.value = kept;
    });
    search.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== "ArrowDown") return;
        event.preventDefault(); // Enter would save the form
        const matching = [...select.options].find((option) => option.value && option.value !== select.value);
        if (event.key === "Enter" && matching && search.value) {
            select.value = matching.value;
            select.dispatchEvent(new Event("change", { bubbles: true }));
        }
        select.focus();
    });
}

if (form) {
    form.addEventListener("change", (event) => {
        if (event.target.name === "type") followKind();
    });
    followKind();
    for (const button of form.querySelectorAll("[data-apsng-without-script]")) {
        button.hidden = true;
        button.type = "button"; // or Enter in a field would press it, as the form's first
    }
    const target = form.querySelector("[data-apsng-proposal]");
    if (target) followTyping(target, form.querySelector("[data-apsng-stale]"));
    const callable = form.querySelector("select[name=func]");
    if (callable) makeSearchable(callable);
    document.querySelector(".apsng-clash h2, .apsng-editor .errornote")?.scrollIntoView({ block: "center" });
}

import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.Logger;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/**
 * Judges PDF/A files with veraPDF's engine, many in one process because starting it takes longer than a file.
 *
 * <p>usage: VeraPdf FLAVOUR FILE… (FLAVOUR as veraPDF names it: 1b, 2b, 2u, 3b …). One line a file, tab-separated: the
 * path, {@code true}, {@code false} or {@code error}, then what failed: {@code CLAUSE-TEST xCOUNT MESSAGE} joined by
 * " | ". A file that the parser cannot read at all is an {@code error} line; the exit code tells only whether the judge
 * itself ran.
 */
final class VeraPdf {
    private VeraPdf() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 2) {
            System.err.println("usage: VeraPdf FLAVOUR FILE…");
            System.exit(2);
        }
        LogManager.getLogManager().reset();
        Logger.getLogger("").setLevel(Level.OFF);
        VeraGreenfieldFoundryProvider.initialise();
        PDFAFlavour flavour = PDFAFlavour.byFlavourId(arguments[0]);
        if (flavour == PDFAFlavour.NO_FLAVOUR) {
            System.err.println("unknown PDF/A flavour " + arguments[0]);
            System.exit(2);
        }
        for (int i = 1; i < arguments.length; i++) {
            System.out.println(arguments[i] + "\t" + judge(new File(arguments[i]), flavour));
        }
    }

    /** The verdict on one file: its second and third column. */
    private static String judge(File file, PDFAFlavour flavour) {
        try (PDFAParser parser = Foundries.defaultInstance().createParser(file, flavour);
                PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, false)) {
            ValidationResult result = validator.validate(parser);
            return result.isCompliant() + "\t" + String.join(" | ", failures(result));
        } catch (Exception | StackOverflowError error) {
            return "error\t" + oneLine(String.valueOf(error));
        }
    }

    private static List<String> failures(ValidationResult result) {
        TreeMap<String, Integer> counts = new TreeMap<>();
        TreeMap<String, String> messages = new TreeMap<>();
        for (TestAssertion assertion : result.getTestAssertions()) {
            if (assertion.getStatus() != TestAssertion.Status.FAILED) {
                continue;
            }
            String rule = assertion.getRuleId().getClause() + "-" + assertion.getRuleId().getTestNumber();
            counts.merge(rule, 1, Integer::sum);
            messages.putIfAbsent(rule, oneLine(assertion.getMessage()));
        }
        List<String> lines = new ArrayList<>();
        counts.forEach((rule, count) -> lines.add(rule + " x" + count + " " + messages.get(rule)));
        return lines;
    }

    private static String oneLine(String text) {
        return text == null ? "" : text.replaceAll("[\\s|]+", " ").strip();
    }
}
